locals {
  # What each stream of events carries, and how long it is kept.
  streams = {
    orders    = "7d"
    payments  = "30d"
    shipments = "7d"
  }
}

topic "events" {
  for_each = local.streams

  name               = "shop.${each.key}"
  partitions         = var.partitions
  replication_factor = var.replication
  config = {
    "retention.ms" = duration_ms(each.value)
  }
}

# The latest state of each customer, by key.
topic "customers" {
  name               = "shop.customers"
  partitions         = var.partitions
  replication_factor = var.replication
  config = {
    "cleanup.policy" = "compact"
  }
  lifecycle { prevent_destroy = true }
}

output "topics" {
  value = sort([for topic in topic.events : topic.name])
}
