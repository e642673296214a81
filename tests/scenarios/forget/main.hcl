provider "kafka" { bootstrap_servers = "kafka:9092" }

removed {
  from = topic.legacy
  lifecycle { destroy = false }
}

topic "kept" {
  partitions = 1
}
