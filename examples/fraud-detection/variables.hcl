variable "bootstrap" {
  type        = string
  description = "Where Kafka is; run.sh sets this and the other addresses to the sandbox's by STREAMFORM_VAR_…"
}

variable "registry_url" {
  type = string
}

variable "connect_url" {
  type = string
}

variable "flink_url" {
  type = string
}

variable "sink_folder" {
  type        = string
  description = "Where alerts and notifications are written, as the Connect workers see it"
}

variable "database_url" {
  type        = string
  default     = null
  description = "Where alerts are kept as rows, as the Connect workers see it (jdbc:postgresql://…); nowhere without it"
}

variable "database_user" {
  type    = string
  default = "postgres"
}

variable "job_version" {
  type        = string
  description = "Which version of the job runs: the one in job/pom.xml"
}

variable "parallelism" {
  type    = number
  default = 1
}

variable "partitions" {
  type    = number
  default = 3
}

variable "replication" {
  type    = number
  default = 1
}
