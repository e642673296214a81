provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "clicks" {
  partitions         = 6
  replication_factor = 3
  config             = { "retention.ms" = duration_ms("2d") }
  lifecycle { allow_destroy = true }
}

topic "young" {
  config = { "retention.ms" = duration_ms("2d") }
}

topic "sized" {
  config = { "retention.bytes" = bytes("1MiB") }
}
