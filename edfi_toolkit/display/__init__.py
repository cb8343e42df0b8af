"""The one way a value, a record, a difference, a table and the progress of a long step are shown.

Below everything that shows: views, workbook, report, panels and the terminal take their texts from here.
"""
