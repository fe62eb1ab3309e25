# A message moved out of Promotions, other than to Junk or to be thrown away: its user says that it is no advertisement.
require ["copy", "environment", "imapsieve", "variables", "vnd.dovecot.pipe"];

if environment :is "imap.mailbox" ["Junk", "Trash", "Deleted Messages"] {
  stop;
}
if environment :matches "imap.user" "*" {
  pipe :copy "imagespam-report" ["--not-ad", "${1}"];
}
