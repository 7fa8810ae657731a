/*
 * A stand-in for libtdx_attest.so.1: its binary interface and its checks of arguments (Intel's DCAP, tdx_attest.c);
 * behind them, whoever listens on the socket STAND_IN_SOCKET. A request is 'q' and 64 bytes, or 'e', the index (u64)
 * and 48 bytes; the answer is a tdx_attest_error_t (u32) and, for a quote, its size (u32) and its bytes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tdx_attest.h"

int stand_in_quotes_not_freed = 0;

static int receive(int fd, void *data, size_t size)
{
	return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static int ask(const void *request, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = STAND_IN_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, request, size, MSG_NOSIGNAL) == (ssize_t)size)
		return fd;
	close(fd);
	return -1;
}

tdx_attest_error_t tdx_att_get_quote(const tdx_report_data_t *p_tdx_report_data, const tdx_uuid_t att_key_id_list[],
				     uint32_t list_size, tdx_uuid_t *p_att_key_id, uint8_t **pp_quote,
				     uint32_t *p_quote_size, uint32_t flags)
{
	uint8_t request[1 + TDX_REPORT_DATA_SIZE] = "q";
	uint32_t status, size;
	int fd;

	if (!p_tdx_report_data || !pp_quote || flags || !att_key_id_list != !list_size || list_size > 1)
		return TDX_ATTEST_ERROR_INVALID_PARAMETER;
	*pp_quote = NULL;
	memcpy(request + 1, p_tdx_report_data->d, TDX_REPORT_DATA_SIZE);
	fd = ask(request, sizeof(request));
	if (fd < 0)
		return TDX_ATTEST_ERROR_DEVICE_FAILURE;
	if (!receive(fd, &status, sizeof(status)) || !receive(fd, &size, sizeof(size)))
		status = TDX_ATTEST_ERROR_VSOCK_FAILURE;
	if (status == TDX_ATTEST_SUCCESS) {
		*pp_quote = malloc(size + 1);
		stand_in_quotes_not_freed++;
		if (p_quote_size)
			*p_quote_size = size;
		if (p_att_key_id)
			memset(p_att_key_id, 0, sizeof(*p_att_key_id));
		if (!receive(fd, *pp_quote, size))
			status = TDX_ATTEST_ERROR_QUOTE_FAILURE;
	}
	close(fd);
	return status;
}

tdx_attest_error_t tdx_att_free_quote(uint8_t *p_quote)
{
	stand_in_quotes_not_freed--;
	free(p_quote);
	return TDX_ATTEST_SUCCESS;
}

tdx_attest_error_t tdx_att_extend(const tdx_rtmr_event_t *p_rtmr_event)
{
	uint8_t request[1 + 8 + 48] = "e";
	uint32_t status;
	int fd;

	if (!p_rtmr_event || p_rtmr_event->version != 1)
		return TDX_ATTEST_ERROR_INVALID_PARAMETER;
	if (p_rtmr_event->event_data_size)
		return TDX_ATTEST_ERROR_NOT_SUPPORTED;
	memcpy(request + 1, &p_rtmr_event->rtmr_index, 8);
	memcpy(request + 9, p_rtmr_event->extend_data, 48);
	fd = ask(request, sizeof(request));
	if (fd < 0)
		return TDX_ATTEST_ERROR_DEVICE_FAILURE;
	if (!receive(fd, &status, sizeof(status)))
		status = TDX_ATTEST_ERROR_EXTEND_FAILURE;
	close(fd);
	return status;
}
