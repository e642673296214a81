variable "bootstrap" {
  type        = string
  description = "Where Kafka is; run.sh sets this and the other addresses to the sandbox's by STREAMFORM_VAR_…"
}

variable "registry_url" {
  type = string
}

variable "partitions" {
  type    = number
  default = 3
}

variable "replication" {
  type    = number
  default = 1
}
