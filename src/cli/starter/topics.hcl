topic "events" {
  partitions         = 3
  replication_factor = 1
  config = {
    "retention.ms" = duration_ms("7d")
  }
}
