variable "bootstrap" {
  type        = string
  description = "Where Kafka is; run.sh sets it to the sandbox by STREAMFORM_VAR_bootstrap"
}

variable "partitions" {
  type    = number
  default = 3

  validation {
    condition     = var.partitions >= 1
    error_message = "a topic has at least one partition"
  }
}

variable "replication" {
  type    = number
  default = 1
}
