provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "changed" {
  partitions = 3
  config = {
    "retention.ms"     = duration_ms("7d")
    "compression.type" = "zstd"
  }
}

topic "deleted" {
  partitions = 3
}

topic "followed" {
  partitions = 6
}

topic "ignored" {
  partitions = 3
  config     = { "retention.ms" = duration_ms("7d") }
  lifecycle { ignore_changes = [config["retention.ms"]] }
}

topic "others_key" {
  partitions = 3
}
