provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "orders" {
  partitions = 6
  config     = { "cleanup.policy" = "compact, delete" }
}
