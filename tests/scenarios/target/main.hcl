provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "a" {
  partitions = 2
}

topic "b" {
  partitions = 2
  depends_on = [topic.a]
}

topic "c" {
  partitions = 2
}
