streamform {
  required_version = ">= 0.1"
}

provider "kafka" {
  bootstrap_servers = var.bootstrap
}

environment "dev" {
  values = "env/dev.vars.hcl"
  apply  = "auto"
  drift  = "revert"
}

environment "prod" {
  promotes_from = "dev"
  values        = "env/prod.vars.hcl"
  apply         = "approval"
  drift         = "report"
}
