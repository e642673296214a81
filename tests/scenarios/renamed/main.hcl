provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "orders" {
  name       = "orders-v2"
  partitions = 6
}
