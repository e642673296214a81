provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "slip" {
  config = { "retention.mss" = 1000 }
}

topic "unlike" {
  config = { "colour" = "blue" }
}

topic "bad_value" {
  name   = "bad-value"
  config = { "retention.ms" = "7d" }
}
