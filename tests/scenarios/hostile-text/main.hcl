provider "kafka" { bootstrap_servers = "kafka:9092" }

topic "mail" {
  for_each = {
    "a|b `c` <b>" = "pipes"
    "[x](y) @all" = "links"
  }
  name   = each.value
  config = { "compression.type" = "zstd" }
}

topic "long" {
  config = { "compression.type" = join(",", [for n in range(40) : "value-${n}"]) }
}
