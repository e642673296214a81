provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "customers" {
  partitions         = 8
  replication_factor = 3
  config             = { "cleanup.policy" = "compact" }
}

topic "empty" {
  partitions = 2
}

topic "logs" {
  partitions = 2
}
