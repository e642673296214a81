# What comes in, and the alerts that go out: each stream with a topic for what could not be processed.
module "streams" {
  source = "../../modules/topic-with-dead-letter"
  for_each = {
    transactions = "7d"
    clickstream  = "2d"
    user-events  = "365d"
    alerts       = "30d"
  }

  name               = "fraud.${each.key}"
  partitions         = var.partitions
  replication_factor = var.replication
  retention          = each.value
  dead_letter        = { retention = "365d" }
}

# The latest state of each customer, by key.
topic "customer_profiles" {
  name               = "fraud.customer-profiles"
  partitions         = var.partitions
  replication_factor = var.replication
  config             = { "cleanup.policy" = "compact" }
}
