streamform {
  required_version = ">= 0.1"
  state "local" {
    path = ".streamform"
  }
}

variable "bootstrap_servers" {
  type        = string
  description = "The Kafka cluster, as HOST:PORT, several with commas between them."
}

provider "kafka" {
  bootstrap_servers = var.bootstrap_servers
}

environment "dev" {
  values = "env/dev.vars.hcl"
  apply  = "auto"
  drift  = "revert"
}
