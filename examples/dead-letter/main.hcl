# Two streams, each with a topic for the records that could not be processed:
#
#   streamform sandbox up
#   streamform plan --path examples/dead-letter --env dev --var bootstrap=127.0.0.1:PORT

provider "kafka" {
  bootstrap_servers = var.bootstrap
}

environment "dev" {
  values = "env/dev.vars.hcl"
  apply  = "auto"
}

variable "bootstrap" {
  type = string
}

variable "replication" {
  type = number
}

module "streams" {
  source = "../../modules/topic-with-dead-letter"
  for_each = {
    orders   = "7d"
    payments = "30d"
  }

  name               = "shop.${each.key}"
  replication_factor = var.replication
  retention          = each.value
  config             = { "max.message.bytes" = bytes("2MiB") }
  dead_letter        = { retention = "60d" }
}

output "dead_letters" {
  value = [for stream in module.streams : stream.dead_letter_name]
}
