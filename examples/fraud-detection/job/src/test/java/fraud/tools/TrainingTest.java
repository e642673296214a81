package fraud.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TrainingTest {
  @Test
  void theModelIsWhatTrainingGives() throws Exception {
    try (var file = getClass().getResourceAsStream("/model.json")) {
      assertEquals(Training.modelFile(), new String(file.readAllBytes(), StandardCharsets.UTF_8));
    }
  }
}
