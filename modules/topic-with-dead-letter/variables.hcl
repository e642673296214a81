variable "name" {
  type        = string
  description = "The topic's name; the dead-letter topic's begins with it"

  validation {
    condition     = can(regex("^[a-zA-Z0-9._-]+$", var.name))
    error_message = "a topic's name holds letters, digits, \".\", \"_\" and \"-\" only"
  }
}

variable "partitions" {
  type        = number
  default     = 3
  description = "How many partitions the topic has"

  validation {
    condition     = var.partitions >= 1
    error_message = "a topic has at least one partition"
  }
}

variable "replication_factor" {
  type        = number
  default     = null
  description = "How many replicas the partitions of both topics have; the broker's default if not set"
}

variable "retention" {
  type        = string
  default     = "7d"
  description = "How long the topic keeps a record, such as \"7d\""

  validation {
    condition     = can(duration_ms(var.retention))
    error_message = "retention is a duration such as \"7d\" or \"12h\""
  }
}

variable "config" {
  type        = map(string)
  default     = {}
  description = "More settings of the topic, by Kafka's own keys"

  validation {
    condition     = !contains(keys(var.config), "retention.ms")
    error_message = "the variable retention sets retention.ms"
  }
}

variable "dead_letter" {
  type = object({
    suffix     = optional(string, ".dlq")
    partitions = optional(number, 1)
    retention  = optional(string, "30d")
  })
  default     = {}
  description = "How the dead-letter topic is named, and how it differs from the topic"

  validation {
    condition     = length(var.dead_letter.suffix) > 0
    error_message = "without a suffix both topics would have one name"
  }

  validation {
    condition     = can(duration_ms(var.dead_letter.retention))
    error_message = "dead_letter.retention is a duration such as \"30d\""
  }

  validation {
    condition     = try(duration_ms(var.dead_letter.retention) >= duration_ms(var.retention), true)
    error_message = "dead_letter.retention must not be shorter than retention: somebody has to look at these records first"
  }
}

variable "prevent_destroy" {
  type        = bool
  default     = false
  description = "Whether both topics are protected against being destroyed"
}
