"""The command line for partners. Its name `tph` comes from 碳普惠 (tàn pǔ huì), "carbon inclusion"."""
