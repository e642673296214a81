provider "kafka" { bootstrap_servers = "kafka:9092" }

variable "replication" {
  type    = number
  default = 3
}

topic "orders" {
  partitions         = 12
  replication_factor = var.replication
  config = {
    "retention.ms"        = duration_ms("7d")
    "min.insync.replicas" = 2
    "cleanup.policy"      = ["compact", "delete"]
  }
  lifecycle { prevent_destroy = true }
}

topic "orders_dead_letter" {
  name       = "${topic.orders.name}.dead-letter"
  partitions = 1
}

topic "defaults" {}
