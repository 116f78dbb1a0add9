# The administrator's console
