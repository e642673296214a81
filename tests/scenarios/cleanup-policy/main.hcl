provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "profiles" {
  config = { "cleanup.policy" = "compact" }
}

topic "history" {
  config = { "cleanup.policy" = "delete" }
}
