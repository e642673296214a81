provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "more" {
  partitions         = 6
  replication_factor = 3
  reassignment { throttle = bytes("50MiB") }
}

topic "fewer" {
  replication_factor = 1
  config             = { "min.insync.replicas" = 2 }
}

topic "too_many" {
  name               = "too-many"
  replication_factor = 5
}
