# Every alert, as a line of JSON. What cannot be read goes to the dead-letter topic, and the rest goes on.
connector "alerts_to_file" {
  name      = "fraud-alerts-to-file"
  class     = "org.apache.kafka.connect.file.FileStreamSinkConnector"
  tasks_max = 1
  config = merge(local.avro, {
    "topics"                 = module.streams["alerts"].name
    "file"                   = "${var.sink_folder}/alerts.jsonl"
    "value.converter.output" = "json"
  })
  dead_letter { topic = module.streams["alerts"].dead_letter_name }
  restart {
    max_attempts = 3
    backoff      = "2s"
  }
}

# Where there is a database, a row for each alert, however often it comes. A column that a later version of the
# schema adds is added to the table.
connector "alerts_to_database" {
  count     = var.database_url == null ? 0 : 1
  name      = "fraud-alerts-to-database"
  class     = "io.debezium.connector.jdbc.JdbcSinkConnector"
  tasks_max = 1
  config = merge(local.avro, {
    "topics"                 = module.streams["alerts"].name
    "connection.url"         = var.database_url
    "connection.username"    = var.database_user
    "connection.password"    = secret("env:ALERTS_DB_PASSWORD")
    "collection.name.format" = "alerts"
    "insert.mode"            = "upsert"
    "primary.key.mode"       = "record_value"
    "primary.key.fields"     = "transaction_id"
    "schema.evolution"       = "basic"
    "value.converter.output" = "struct"
  })
  dead_letter { topic = module.streams["alerts"].dead_letter_name }
  restart {
    max_attempts = 3
    backoff      = "2s"
  }
}

# Of the urgent alerts, which the job marks by a header, the sentence for people.
connector "notifications" {
  name      = "fraud-notifications"
  class     = "org.apache.kafka.connect.file.FileStreamSinkConnector"
  tasks_max = 1
  config = merge(local.avro, {
    "topics"                      = module.streams["alerts"].name
    "file"                        = "${var.sink_folder}/notifications.txt"
    "value.converter.output"      = "map"
    "transforms"                  = "urgent,sentence"
    "transforms.urgent.type"      = "org.apache.kafka.connect.transforms.Filter"
    "transforms.urgent.predicate" = "isUrgent"
    "transforms.urgent.negate"    = "true"
    "transforms.sentence.type"    = "org.apache.kafka.connect.transforms.ExtractField$Value"
    "transforms.sentence.field"   = "summary"
    "predicates"                  = "isUrgent"
    "predicates.isUrgent.type"    = "org.apache.kafka.connect.transforms.predicates.HasHeaderKey"
    "predicates.isUrgent.name"    = "urgent"
  })
  dead_letter { topic = module.streams["alerts"].dead_letter_name }
  restart {
    max_attempts = 3
    backoff      = "2s"
  }
}

locals {
  # The converter is in the job's jar, which the Connect workers have as a plugin.
  avro = {
    "key.converter"                       = "org.apache.kafka.connect.storage.StringConverter"
    "value.converter"                     = "fraud.connect.AvroConverter"
    "value.converter.schema.registry.url" = var.registry_url
  }
}
