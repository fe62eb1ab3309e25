-- Symbols for imagespam-milter's headers. In /etc/rspamd/rspamd.local.lua:
--   dofile('/usr/share/imagespam-milter/rspamd/imagespam-milter.lua')
-- rspamd's milter must come behind imagespam-milter in Postfix's smtpd_milters, so that it sees the headers. Copies of them from outside have
-- been removed by then.
local rules = {
  IMAGESPAM = { re = 'X-Image-Spam=/^Yes, score=[01]\\.\\d+ class=spam/{header}', score = 4.0, description = 'A picture in it looks like spam' },
  IMAGESPAM_USERS = { re = 'X-Image-Spam=/^Yes, .*reported=spam/{header}', score = 3.0, description = 'Users have reported a picture in it' },
  IMAGESPAM_QR_URL = { re = 'X-Image-Spam-QR=/ text=https?:/i{header}', score = 0.1, description = 'A code with the address of a web page stands in a picture' },
}
for symbol, rule in pairs(rules) do
  config.regexp[symbol] = { re = rule.re, score = rule.score, description = rule.description, group = 'imagespam' }
end
