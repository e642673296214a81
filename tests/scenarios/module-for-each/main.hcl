provider "kafka" { bootstrap_servers = "kafka:9092" }

module "stream" {
  source     = "./modules/stream"
  for_each   = { orders = 12, refunds = 3 }
  name       = each.key
  partitions = each.value
}

topic "audit" {
  name       = "audit"
  partitions = length(module.stream)
  depends_on = [module.stream]
}

output "dead_letters" {
  value = [for stream in module.stream : stream.dead_letter]
}
