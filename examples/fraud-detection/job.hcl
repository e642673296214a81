# Transactions, page views and user events → alerts and profiles. `mvn package` in job/ makes the jar.
job "fraud_detection" {
  name  = "fraud-detection"
  reads = [for input in local.inputs : module.streams[input].name]
  writes = concat(
    [module.streams["alerts"].name, topic.customer_profiles.name],
    [for input in local.inputs : module.streams[input].dead_letter_name],
  )
  group = local.group
  owner = "team-fraud"

  flink_jar {
    jar         = "job/target/fraud-detection-${var.job_version}.jar"
    entry_class = "fraud.job.FraudDetection"
    parallelism = var.parallelism
    args = concat(
      ["--bootstrap", var.bootstrap, "--registry", var.registry_url, "--group", local.group],
      ["--alerts", module.streams["alerts"].name, "--profiles", topic.customer_profiles.name],
      flatten([for input in local.inputs : ["--${input}", module.streams[input].name]]),
      flatten([for input in local.inputs : ["--${input}-dead-letters", module.streams[input].dead_letter_name]]),
    )
    settings = { "execution.checkpointing.interval" = "2s" }
  }

  # A new version goes on with the counts of the old one, or the old one goes on.
  upgrade {
    mode    = "savepoint"
    timeout = "2m"
  }

  healthy {
    checkpoints = 1
    max_lag     = 10000
    within      = "2m"
  }

  # It looks its schemas up in the registry, and registers none.
  depends_on = [schema.values]
}

# Who changes one of these topics or their schemas is told that the job reads them.
consumer_group "fraud_detection" {
  name  = local.group
  reads = [for input in local.inputs : module.streams[input].name]
  owner = "team-fraud"
}

locals {
  inputs = ["transactions", "clickstream", "user-events"]
  group  = "fraud-detection"
}
