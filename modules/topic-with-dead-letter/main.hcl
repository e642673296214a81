# A topic, and beside it the topic for records that a reader could not process.
#
#   module "orders" {
#     source    = "../../modules/topic-with-dead-letter"
#     name      = "shop.orders"
#     retention = "7d"
#   }
#
# Readers are told both names by the outputs: module.orders.name, module.orders.dead_letter_name.
#
# The dead-letter topic is named after the topic, kept at least as long, never compacted (a record that
# could not be processed may have no key), and takes larger records than the topic, because whoever puts
# a record aside adds headers that say why. variables.hcl says what can be set.

topic "main" {
  name               = var.name
  partitions         = var.partitions
  replication_factor = var.replication_factor
  config             = merge(var.config, { "retention.ms" = duration_ms(var.retention) })

  lifecycle { prevent_destroy = var.prevent_destroy }
}

topic "dead_letter" {
  name               = "${topic.main.name}${var.dead_letter.suffix}"
  partitions         = var.dead_letter.partitions
  replication_factor = var.replication_factor
  config = merge(local.larger, {
    "cleanup.policy" = "delete"
    "retention.ms"   = duration_ms(var.dead_letter.retention)
  })

  lifecycle { prevent_destroy = var.prevent_destroy }
}

locals {
  # Where the topic has the broker's limit, so has the dead-letter topic.
  larger = {
    for key, value in var.config : key => tonumber(value) + bytes("64KiB") if key == "max.message.bytes"
  }
}
