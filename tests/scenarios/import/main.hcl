provider "kafka" { bootstrap_servers = "kafka:9092" }

import {
  to = topic.orders
  id = "orders"
}

topic "orders" {
  partitions = 12
  config = {
    "retention.ms"   = duration_ms("30d")
    "cleanup.policy" = "delete"
  }
}

import {
  to = topic.as_it_is
  id = "as-it-is"
}

topic "as_it_is" {
  name       = "as-it-is"
  partitions = 1
}

import {
  to = topic.absent
  id = "absent"
}

topic "absent" {}
