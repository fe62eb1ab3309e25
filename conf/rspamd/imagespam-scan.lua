-- A symbol from imagespam-milter's verdict, asked over HTTP: for an rspamd that sees no headers of it. In imagespam-milter's configuration
-- api.listen = "127.0.0.1:8895", and in /etc/rspamd/rspamd.local.lua:
--   dofile('/usr/share/imagespam-milter/rspamd/imagespam-scan.lua')
local rspamd_http = require 'rspamd_http'
local rspamd_logger = require 'rspamd_logger'
local ucl = require 'ucl'

local url = 'http://127.0.0.1:8895/v1/scan'
local symbol = 'IMAGESPAM_SCAN'

local function ask(task)
  -- A daemon that does not answer costs nothing but the symbol.
  local function answered(problem, code, body)
    local parser = ucl.parser()
    if problem or code ~= 200 or not parser:parse_string(tostring(body)) then
      rspamd_logger.errx(task, 'imagespam-milter does not answer on %s: %s', url, problem or code)
      return
    end
    local verdict = parser:get_object()
    if verdict.class == 'spam' and verdict.action ~= 'accept' then
      task:insert_result(symbol, 1.0, string.format('%.3f', verdict.score))
    end
  end
  rspamd_http.request({ task = task, url = url, method = 'POST', body = task:get_content(), mime_type = 'message/rfc822', timeout = 10.0, callback = answered })
end

rspamd_config:register_symbol({
  name = symbol, type = 'normal', callback = ask, score = 4.0, group = 'imagespam', description = 'A picture in it looks like spam',
})
