/* A milter by libmilter that is sent each message, in the steps that imagespam-milter asks for, and does nothing: what any milter that
   reads mail costs. usage: null-milter SOCKET */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <sys/stat.h>

#define SILENT (SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR)
#define NOT_SENT (SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOEOH | SMFIP_NOUNKNOWN)

static sfsistat negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long third, unsigned long fourth,
                          unsigned long *actions_out, unsigned long *steps_out, unsigned long *third_out, unsigned long *fourth_out)
{
    (void)context, (void)actions, (void)third, (void)fourth;
    *steps_out = steps & (SILENT | NOT_SENT);
    *actions_out = *third_out = *fourth_out = 0;
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *context, char *host, _SOCK_ADDR *address)
{
    (void)context, (void)host, (void)address;
    return SMFIS_NOREPLY;
}

static sfsistat on_address(SMFICTX *context, char **arguments)
{
    (void)context, (void)arguments;
    return SMFIS_NOREPLY;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
    (void)context, (void)name, (void)value;
    return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    (void)context, (void)chunk, (void)length;
    return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *context)
{
    (void)context;
    return SMFIS_CONTINUE;
}

int main(int count, char **arguments)
{
    struct smfiDesc milter = {
        .xxfi_name = "null",
        .xxfi_version = SMFI_VERSION,
        .xxfi_connect = on_connect,
        .xxfi_envfrom = on_address,
        .xxfi_envrcpt = on_address,
        .xxfi_header = on_header,
        .xxfi_body = on_body,
        .xxfi_eom = on_end,
        .xxfi_negotiate = negotiate,
    };
    char socket[256];
    if (count != 2 || snprintf(socket, sizeof socket, "unix:%s", arguments[1]) >= (int)sizeof socket) {
        fprintf(stderr, "usage: null-milter SOCKET\n");
        return 2;
    }
    umask(0);
    if (smfi_setconn(socket) == MI_FAILURE || smfi_register(milter) == MI_FAILURE)
        return 1;
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
