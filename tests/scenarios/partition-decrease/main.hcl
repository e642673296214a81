provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "orders" {
  partitions         = 3
  replication_factor = 3
}

topic "new" {
  partitions = 1
}
