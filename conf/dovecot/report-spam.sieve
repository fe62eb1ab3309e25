# A message moved into Junk: its user says that it is spam.
require ["copy", "environment", "imapsieve", "variables", "vnd.dovecot.pipe"];

if environment :matches "imap.user" "*" {
  pipe :copy "imagespam-report" ["--spam", "${1}"];
}
