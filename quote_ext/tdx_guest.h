/*
 * ioctls of a TDX guest's device. Linux has the first (include/uapi/linux/tdx-guest.h, 6.2 and later); the others
 * are of vendors' kernels: Alibaba/Anolis 5.10 and Intel's trees for TDX 1.5 (tdx-guest.h), where the direction in a
 * number differs between the trees, and of Intel's trees for TDX 1.0 (tdx-guest.h, before it tdx.h).
 */
#ifndef QUOTE_EXT_TDX_GUEST_H
#define QUOTE_EXT_TDX_GUEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TDX_REPORTDATA_LEN 64
#define TDX_REPORT_LEN 1024
#define TDX_EXTEND_RTMR_DATA_LEN 48

struct tdx_report_req {
	__u8 reportdata[TDX_REPORTDATA_LEN];
	__u8 tdreport[TDX_REPORT_LEN];
};

/* The struct has its natural alignment; the number says 8 bytes all the same. */
struct tdx10_report_req {
	__u8 subtype;
	__u64 reportdata;
	__u32 rpd_len;
	__u64 tdreport;
	__u32 tdr_len;
};

struct tdx_extend_rtmr_req {
	__u8 data[TDX_EXTEND_RTMR_DATA_LEN];
	__u8 index;
};

struct tdx_quote_req {
	__u64 buf;
	__u64 len;
};

/* Guest-Hypervisor Communication Interface 1.0, section 3.3: the shared buffer of TDG.VP.VMCALL<GetQuote>. */
struct tdx_quote_hdr {
	__u64 version;
	__u64 status;
	__u32 in_len;
	__u32 out_len;
};

#define GET_QUOTE_SUCCESS 0
#define GET_QUOTE_IN_FLIGHT 0xffffffffffffffff

#define TDX_CMD_GET_REPORT0 _IOWR('T', 1, struct tdx_report_req)
#define TDX10_CMD_GET_REPORT _IOWR('T', 1, __u64)

#define TDX_CMD_GET_QUOTE _IOR('T', 4, struct tdx_quote_req)
#define TDX_V3_CMD_GET_QUOTE _IOWR('T', 4, struct tdx_quote_req)
#define TDX10_CMD_GET_QUOTE _IOR('T', 2, __u64)

#define TDX_CMD_EXTEND_RTMR _IOR('T', 3, struct tdx_extend_rtmr_req)
#define TDX_V3_CMD_EXTEND_RTMR _IOW('T', 3, struct tdx_extend_rtmr_req)

#endif
