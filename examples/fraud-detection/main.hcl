streamform {
  required_version = ">= 0.1"
}

provider "kafka" {
  bootstrap_servers = var.bootstrap
}

provider "schema_registry" {
  url = var.registry_url
}

provider "connect" {
  url = var.connect_url
}

provider "flink" {
  url = var.flink_url
}

environment "dev" {
  values = "env/dev.vars.hcl"
  apply  = "auto"
}

environment "staging" {
  promotes_from = "dev"
  values        = "env/staging.vars.hcl"
  apply         = "approval"
}
