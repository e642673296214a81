provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "offsets" {
  name       = "__consumer_offsets"
  partitions = 100
}
