locals {
  schemas = {
    transactions      = "transaction"
    clickstream       = "page-view"
    user-events       = "user-event"
    alerts            = "alert"
    customer-profiles = "customer-profile"
  }
}

# Readers and writers of a topic may be upgraded in either order.
schema "values" {
  for_each = local.schemas

  subject       = "fraud.${each.key}-value"
  format        = "avro"
  definition    = file("schemas/${each.value}.avsc")
  compatibility = "FULL_TRANSITIVE"
}
