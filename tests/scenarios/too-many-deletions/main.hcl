provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "kept" {
  partitions = 1
}
