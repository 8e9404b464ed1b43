"""Codes of `wx.login` that are being exchanged: WeChat is asked once for each, however often it is sent."""
