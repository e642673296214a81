output "name" {
  value       = topic.main.name
  description = "The topic's name"
}

output "dead_letter_name" {
  value       = topic.dead_letter.name
  description = "The dead-letter topic's name"
}
