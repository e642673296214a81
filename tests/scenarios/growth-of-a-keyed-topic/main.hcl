provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "payments" {
  partitions         = 12
  replication_factor = 3
}
