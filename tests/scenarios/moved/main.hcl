provider "kafka" { bootstrap_servers = "kafka:9092" }

moved {
  from = topic.orders
  to   = module.shop.topic.orders
}

moved {
  from = topic.region
  to   = topic.by_region
}

module "shop" {
  source = "./modules/shop"
}

topic "by_region" {
  for_each   = toset(["eu", "us"])
  name       = "orders.${each.key}"
  partitions = each.key == "eu" ? 3 : 1
}
