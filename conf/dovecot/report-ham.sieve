# A message moved out of Junk, other than to be thrown away: its user says that it is not spam.
require ["copy", "environment", "imapsieve", "variables", "vnd.dovecot.pipe"];

if environment :is "imap.mailbox" ["Trash", "Deleted Messages"] {
  stop;
}
if environment :matches "imap.user" "*" {
  pipe :copy "imagespam-report" ["--ham", "${1}"];
}
