"""Refusals of uploads. For errors inside a file see reasons.py."""

from shared.errors import Conflict, InvalidRequest, NotFound, PayloadTooLarge, TooManyRequests, Unavailable


class ImportNotFound(NotFound):
    code = "IMPORT_NOT_FOUND"
    title_zh = "没有找到该导入"
    title_en = "No such import"


class TooManyImports(TooManyRequests):
    code = "TOO_MANY_IMPORTS"
    title_zh = "未完成的导入过多"
    title_en = "Too many unfinished imports"
    detail_zh = "每个合作方同时最多 {limit} 个；请等待或先完成已开始的上传。"
    detail_en = "At most {limit} per partner at a time: wait, or complete your unfinished uploads."


class SpoolFull(Unavailable):
    code = "IMPORT_SPOOL_FULL"
    title_zh = "导入暂存空间已满"
    title_en = "No room for another file at the moment"


class FileTooLarge(PayloadTooLarge):
    code = "FILE_TOO_LARGE"
    title_zh = "文件过大"
    title_en = "The file is too large"


class FileEmpty(InvalidRequest):
    code = "FILE_EMPTY"
    title_zh = "文件为空"
    title_en = "The file is empty"


class PartUnexpected(InvalidRequest):
    code = "PART_UNEXPECTED"
    title_zh = "分片的编号或大小不符"
    title_en = "The part's number or size does not fit"
    detail_zh = "分片 {part_no} 须为 {expected} 字节（0 表示没有这一片），收到 {size}。"
    detail_en = "Part {part_no} must have {expected} bytes (0: there is no such part), but {size} were received."


class PartDiffers(Conflict):
    code = "PART_DIFFERS"
    title_zh = "该分片已上传过，内容不同"
    title_en = "This part was uploaded before with other content"


class PartsMissing(Conflict):
    code = "PARTS_MISSING"
    title_zh = "还有分片未上传"
    title_en = "Parts are missing"
    detail_zh = "缺少的分片：{missing}"
    detail_en = "Missing parts: {missing}"


class UploadClosed(Conflict):
    code = "UPLOAD_CLOSED"
    title_zh = "该导入已不再接收分片"
    title_en = "This import takes no more parts"


class DayNeeded(InvalidRequest):
    code = "DAY_NEEDED"
    title_zh = "对账须指定日期"
    title_en = "A reconciliation needs its day"
