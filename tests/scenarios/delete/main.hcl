provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "reader" {
  partitions = 1
}
