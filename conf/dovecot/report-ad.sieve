# A message moved into Promotions: its user says that it is an advertisement.
require ["copy", "environment", "imapsieve", "variables", "vnd.dovecot.pipe"];

if environment :matches "imap.user" "*" {
  pipe :copy "imagespam-report" ["--ad", "${1}"];
}
