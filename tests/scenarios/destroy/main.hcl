provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "a" {}
topic "b" {}
