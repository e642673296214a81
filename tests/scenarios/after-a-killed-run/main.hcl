provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "made" {
  partitions = 3
}

topic "not_made" {
  name       = "not-made"
  partitions = 3
}

topic "half_changed" {
  name       = "half-changed"
  partitions = 3
  config     = { "retention.ms" = duration_ms("1d") }
}
