provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "orders" {
  partitions = 6
  config     = { "retention.ms" = duration_ms("1d") }
}

topic "orders_by_region" {
  for_each   = toset(["eu", "us"])
  name       = "orders.${each.key}"
  partitions = 6
}
