variable "name" {
  type = string
}

variable "partitions" {
  type = number
}

topic "main" {
  name       = var.name
  partitions = var.partitions
}

topic "dead_letter" {
  name       = "${topic.main.name}.dead-letter"
  partitions = 1
  config     = { "retention.ms" = duration_ms("30d") }
}

output "dead_letter" {
  value = topic.dead_letter.name
}
