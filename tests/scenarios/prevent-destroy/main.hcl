provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "other" {
  partitions = 1
}
