# Files what imagespam-milter found to be spam into Junk. For Dovecot: a user's own script, or sieve_before for all.
require ["fileinto", "mailbox"];

if header :matches "X-Image-Spam" "Yes, *" {
    fileinto :create "Junk";
    stop;
}
